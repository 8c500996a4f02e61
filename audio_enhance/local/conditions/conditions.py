"""What the API and the object store have in common."""

from attrs import define, field

from .behaviour import Behaviour
from .clock import Clock
from .faults import Faults
from .ledger import Ledger
from .records import Records


@define(eq=False)
class Conditions:
    """The time, the rules, the faults and the records of one running service."""

    clock: Clock
    behaviour: Behaviour
    faults: Faults
    records: Records
    ledger: Ledger = field(factory=Ledger)
