"""For plugins with tables of their own: a column for instants, and transactions for jobs.

Actions need no more than ``Injected[AsyncSession]``, a transaction that is opened and committed for them. Apart from
`copilot_core`, so that importing that loads no database.
"""

from copilot_core.store.database import Database
from copilot_core.store.tables import Instant, instant

__all__ = ["Database", "Instant", "instant"]
