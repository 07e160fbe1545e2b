"""Interpreter for pickles of plain data, with bounds on memory and time.

Python's own unpickler trusts its input, even if every global is checked. Ten bytes make it reserve
a table of 32 GB. A line of digits or a key of nested tuples keeps it busy for years. A few repeated
bytes copy one long text thousands of times. Here ``pickletools`` parses the file, and this module
executes only the opcodes that plain data needs.
"""

from __future__ import annotations

import pickle
import pickletools
import sys
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, ClassVar, cast

_OPCODES = 2_000_000  # in one pickle; a training checkpoint has about 100,000
_LINE = 4096  # characters in a line of text: names of modules, and numbers
_SMALL = 1 << 20  # bytes that are read without checking how many are left
_SIZE_FACTOR, _SIZE_SLACK = 4, 4 << 20  # maximum unpacked size: factor * file size + slack

_LITERALS = frozenset((
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
    "STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8",
    "BYTEARRAY8", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8",
))  # fmt: skip
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_IGNORED = ("PROTO", "FRAME")
# Opcodes that make an object, and the bytes that other opcodes take.
_MAKING = frozenset((
    "EMPTY_LIST", "EMPTY_DICT", "EMPTY_SET", "LIST", "TUPLE", "DICT", "FROZENSET",
    *_LITERALS, *_TUPLES,
))  # fmt: skip
_COSTS = {"MARK": 64, "PUT": 100, "BINPUT": 100, "LONG_BINPUT": 100, "MEMOIZE": 100}
_SLOT = 8  # bytes of a slot on the stack


class Sealed:
    """An object whose attributes a pickle cannot set."""

    def __setstate__(self, state: Any) -> None:
        raise pickle.UnpicklingError("it sets the state of an object that has none")


class Constructor(Sealed):
    """A function that a pickle can call, but not inspect or change."""

    def __init__(self, function: Callable[..., Any]):
        self._function = function

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)


class Allowance:
    """Limits the bytes that the content of a file takes in memory.

    Args:
        size: size of the file in bytes.
    """

    def __init__(self, size: int):
        self._left = _SIZE_FACTOR * size + _SIZE_SLACK

    def take(self, size: int) -> None:
        """Subtract ``size`` bytes.

        Raises:
            UnpicklingError: fewer are left.
        """
        self._left -= max(0, size)
        if self._left < 0:
            raise pickle.UnpicklingError("it unpacks to many times its own size")


class BoundedFile:
    """An open file that does not allocate much more memory than there are bytes left in it."""

    def __init__(self, file: BinaryIO):
        self._file = file
        here = file.tell()
        self.size = file.seek(0, 2)
        file.seek(here)

    def read(self, count: int) -> bytes:
        if count < 0 or (count > _SMALL and count > self.size - self._file.tell()):
            raise pickle.UnpicklingError("it ends too early")
        return self._file.read(count)

    def readline(self) -> bytes:
        return self._file.readline(_LINE)


class PlainUnpickler:
    """An unpickler that builds only plain data and refuses everything else.

    Args:
        file: opened for reading in binary; :meth:`load` leaves it at the end of the pickle.
    """

    #: (module, name) of each global that a pickle may name → the object that replaces it.
    allowed: ClassVar[Mapping[tuple[str, str], Any]] = {}

    def __init__(self, file: BinaryIO):
        self._file = BoundedFile(file)
        self._allowance = Allowance(self._file.size)
        self._stack: list[Any] = []
        self._below: list[list[Any]] = []  # the stacks below each mark
        self._memo: dict[int, Any] = {}

    def load(self) -> Any:
        """The object in the pickle.

        Raises:
            UnpicklingError: it asks for more than plain data.
            Exception: any error that a damaged pickle causes in the parser.
        """
        file = cast("BinaryIO", self._file)  # it has the two methods that are used
        for count, (opcode, argument, _) in enumerate(pickletools.genops(file)):
            if count > _OPCODES:
                raise pickle.UnpicklingError(f"it has more than {_OPCODES} parts")
            if opcode.name == "STOP":
                break
            self._step(opcode.name, argument)
        return self._stack.pop()

    def persistent_load(self, reference: Any) -> Any:
        """The object that is stored outside the pickle under ``reference``."""
        raise pickle.UnpicklingError("it refers to something outside the file")

    def _step(self, name: str, argument: Any) -> None:
        self._execute(name, argument)
        made = sys.getsizeof(self._stack[-1]) if name in _MAKING else 0
        self._allowance.take(_SLOT + made + _COSTS.get(name, 0))

    def _execute(self, name: str, argument: Any) -> None:
        stack = self._stack
        if name in _LITERALS:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _TUPLES:
            members = tuple(stack[-_TUPLES[name] :])
            del stack[-_TUPLES[name] :]
            stack.append(members)
        elif name not in _IGNORED:
            step = _STEPS.get(name)
            if step is None:
                raise pickle.UnpicklingError(f"it uses {name}, which plain data does not need")
            step(self, argument)

    def _marked(self) -> list[Any]:
        members, self._stack = self._stack, self._below.pop()
        return members

    def _mark(self, _: Any) -> None:
        self._below.append(self._stack)
        self._stack = []

    def _put(self, index: int) -> None:
        self._memo[index] = self._stack[-1]

    def _memoize(self, _: Any) -> None:
        self._memo[len(self._memo)] = self._stack[-1]

    def _get(self, index: int) -> None:
        self._stack.append(self._memo[index])

    def _extend(self, members: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, list):
            raise pickle.UnpicklingError("it appends to something that is not a list")
        target.extend(members)

    def _set_items(self, members: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, dict):
            raise pickle.UnpicklingError("it sets items of something that is not a dict")
        target.update(zip(map(_key, members[::2]), members[1::2]))

    def _add(self, members: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, set):
            raise pickle.UnpicklingError("it adds to something that is not a set")
        target.update(map(_key, members))

    def _global(self, written: str) -> None:
        module, _, name = written.partition(" ")
        self._find(module, name)

    def _stack_global(self, _: Any) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        self._find(str(module)[:_LINE], str(name)[:_LINE])

    def _find(self, module: str, name: str) -> None:
        if (module, name) not in self.allowed:
            raise pickle.UnpicklingError(
                f"it asks for {module}.{name}, which plain weights do not need and which "
                "could run code"
            )
        self._stack.append(self.allowed[module, name])

    def _reduce(self, _: Any) -> None:
        arguments, function = self._stack.pop(), self._stack.pop()
        if not isinstance(function, Constructor) or not isinstance(arguments, tuple):
            raise pickle.UnpicklingError("it calls something that is not a constructor")
        made = function(*arguments)
        if isinstance(made, (bytes, list, tuple, dict, set)):
            self._allowance.take(sys.getsizeof(made))
        self._stack.append(made)

    def _build(self, _: Any) -> None:
        state = self._stack.pop()
        if isinstance(self._stack[-1], Sealed):
            self._stack[-1].__setstate__(state)
        elif not isinstance(self._stack[-1], dict):  # PyTorch sets versions on an OrderedDict
            raise pickle.UnpicklingError("it sets the state of an object that has none")

    def _push_persistent(self, _: Any) -> None:
        self._stack.append(self.persistent_load(self._stack.pop()))

    def _pop(self, _: Any) -> None:
        if self._stack:
            self._stack.pop()
        else:  # a mark
            self._marked()

    def _pop_mark(self, _: Any) -> None:
        self._marked()

    def _push(self, make: Callable[[list[Any]], Any]) -> None:
        members = self._marked()  # first, because it replaces ``self._stack``
        self._stack.append(make(members))

    def _set_item(self, _: Any) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        self._set_items([key, value])


def _key(value: Any) -> Any:
    """Return ``value`` if its hash is quick to compute; nested tuples may take for ever."""
    plain = (str, bytes, int, float, type(None))
    members = value if isinstance(value, tuple) else (value,)
    if not all(isinstance(member, plain) for member in members):
        raise pickle.UnpicklingError("it has a key that is neither a name nor a number")
    return value


def make_dict(pairs: Any = ()) -> dict[Any, Any]:
    """Stand-in for ``dict`` in a pickle."""
    return {_key(key): value for key, value in pairs}


def make_set(members: Any = ()) -> set[Any]:
    """Stand-in for ``set`` in a pickle."""
    return set(map(_key, members))


_STEPS: dict[str, Callable[[PlainUnpickler, Any], None]] = {
    "MARK": PlainUnpickler._mark,
    "POP": PlainUnpickler._pop,
    "POP_MARK": PlainUnpickler._pop_mark,
    "EMPTY_LIST": lambda machine, _: machine._stack.append([]),
    "EMPTY_DICT": lambda machine, _: machine._stack.append({}),
    "EMPTY_SET": lambda machine, _: machine._stack.append(set()),
    "LIST": lambda machine, _: machine._push(list),
    "TUPLE": lambda machine, _: machine._push(tuple),
    "DICT": lambda machine, _: machine._push(lambda m: make_dict(zip(m[::2], m[1::2]))),
    "FROZENSET": lambda machine, _: machine._push(lambda m: frozenset(make_set(m))),
    "APPEND": lambda machine, _: machine._extend([machine._stack.pop()]),
    "APPENDS": lambda machine, _: machine._extend(machine._marked()),
    "SETITEM": PlainUnpickler._set_item,
    "SETITEMS": lambda machine, _: machine._set_items(machine._marked()),
    "ADDITEMS": lambda machine, _: machine._add(machine._marked()),
    "PUT": PlainUnpickler._put,
    "BINPUT": PlainUnpickler._put,
    "LONG_BINPUT": PlainUnpickler._put,
    "MEMOIZE": PlainUnpickler._memoize,
    "GET": PlainUnpickler._get,
    "BINGET": PlainUnpickler._get,
    "LONG_BINGET": PlainUnpickler._get,
    "GLOBAL": PlainUnpickler._global,
    "STACK_GLOBAL": PlainUnpickler._stack_global,
    "REDUCE": PlainUnpickler._reduce,
    "NEWOBJ": PlainUnpickler._reduce,
    "BUILD": PlainUnpickler._build,
    "BINPERSID": PlainUnpickler._push_persistent,
}
