"""Millpond: the database that models train from.

>>> import millpond as mp
>>> pond = mp.init("./pond")                                  # doctest: +SKIP
>>> pond.sync("reviews.csv", table="reviews")                 # doctest: +SKIP
>>> pond.sql("SELECT count(*) FROM reviews").to_pandas()      # doctest: +SKIP
"""

from millpond import errors, ledger
from millpond._millpond import __version__
from millpond.errors import MillpondError
from millpond.pond import Pond, init, open  # noqa: A004

__all__ = ["MillpondError", "Pond", "__version__", "errors", "init", "ledger", "open"]
