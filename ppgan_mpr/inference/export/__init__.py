"""From a Paddle network to ONNX: tracing it, and writing what was traced."""
