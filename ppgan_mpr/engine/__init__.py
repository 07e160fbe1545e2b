"""Training and scoring with PaddleGAN's registries and a training loop of our own.

:mod:`ppgan_mpr.engine.trainer` combines the other modules. Each has one concern: the update step,
the moving average, the learning rate, the data order, checkpoints, evaluation.
"""
