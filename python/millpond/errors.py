"""Exceptions, one per kind of error of the engine (``millpond errors`` lists them with exit codes)."""


class MillpondError(Exception):
    """Any error that the engine reports; the message says what is wrong, where, and what to do next."""


class InvalidError(MillpondError, ValueError):
    """The input is wrong: an argument, an expression, a file's content."""


class NotFoundError(MillpondError, LookupError):
    """A table, ref, file, run or dataset that was named does not exist."""


class AlreadyExistsError(MillpondError):
    """The name is taken."""


class ConflictError(MillpondError):
    """Someone else changed it first; refresh and try again."""


class DeniedError(MillpondError, PermissionError):
    """The principal may not do this."""


class UnavailableError(MillpondError, ConnectionError):
    """A store, server or lock did not answer in time; try again later."""


class CorruptError(MillpondError):
    """Stored bytes do not say what their format demands."""


class ExhaustedError(MillpondError, MemoryError):
    """A limit was met: disk, memory or a configured ceiling."""


class CancelledError(MillpondError):
    """The work was stopped at the caller's request."""


class InternalError(MillpondError, RuntimeError):
    """A defect of Millpond."""
