"""Recognises the libraries' exceptions which mean that memory ran out."""

from __future__ import annotations

# The libraries raise RuntimeError or exceptions of their own, which have no common base class. So
# their messages are searched for words of C++'s std::bad_alloc and std::length_error, Paddle's
# ResourceExhaustedError, memory objects of oneDNN and OpenVINO, ONNX Runtime's arena, CUDA, cuDNN,
# cuBLAS and errno.
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
    """Whether an exception means that memory of the computer or the GPU ran out.

    Smaller tiles may then succeed.

    Args:
        error: any exception, such as one from a backend.
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
