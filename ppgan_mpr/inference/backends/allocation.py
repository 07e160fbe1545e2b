"""Which of the libraries' exceptions mean that memory ran out."""

from __future__ import annotations

# The libraries raise RuntimeError, or exceptions of their own without a common base, so their
# words decide: C++'s std::bad_alloc and std::length_error, Paddle's ResourceExhaustedError,
# oneDNN's and OpenVINO's memory objects, ONNX Runtime's arena, CUDA, cuDNN, cuBLAS, errno.
_WORDS = (
    "bad_alloc",
    "bad allocation",
    "bad_array_new_length",
    "vector::_m_default_append",
    "resourceexhausted",
    "resource exhausted",
    "out of memory",
    "out_of_memory",
    "outofmemory",
    "not enough memory",
    "insufficient memory",
    "cannot allocate",
    "can not allocate",
    "can't alloc",
    "could not allocate",
    "failed to allocate",
    "unable to allocate",
    "memory allocation",
    "allocation failed",
    "alloc_failed",
    "could not create a memory object",
)


def is_allocation_failure(error: BaseException) -> bool:
    """Whether an exception means that memory ran out, on the processor or the graphics card.

    Smaller tiles then may succeed.

    Args:
        error: raised by a backend, or by anything else.
    """
    seen = set[int]()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        text = f"{type(cause).__name__} {cause}".lower()
        if isinstance(cause, MemoryError) or any(word in text for word in _WORDS):
            return True
        seen.add(id(cause))
        cause = cause.__cause__
    return False
