"""What the API and the object store have in common."""

from attrs import define

from audio_enhance.local._behaviour import Behaviour
from audio_enhance.local._clock import Clock
from audio_enhance.local._faults import Faults
from audio_enhance.local._records import Records


@define(eq=False)
class Conditions:
    """The time, the rules, the faults and the record of one running service."""

    clock: Clock
    behaviour: Behaviour
    faults: Faults
    records: Records
