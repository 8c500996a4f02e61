"""What strength does.

Up to 50 the original prevails: its share falls in a straight line, from all to half. Above it
the enhancement is maximized: the share falls with the square of what is missing to 100.

========  ==================  ==========================
strength  share of original   what was removed stays at
========  ==================  ==========================
0         all of it           0 dB
25        75 %                -2.5 dB
50        50 %                -6 dB
75        12.5 %              -18 dB
90        2 %                 -34 dB
93        1 %                 -40 dB
100       none                as low as the engine brings it
========  ==================  ==========================
"""

from .samples import Samples


def share_of_original(strength: int) -> float:
    """Return the share of the original, 0 to 1, in what is heard at a strength of 0 to 100."""
    if strength <= 50:
        return 1 - strength / 100
    return 0.5 * ((100 - strength) / 50) ** 2


def blended(original: Samples, enhanced: Samples, strength: int) -> Samples:
    """Return what is heard at this strength."""
    share = share_of_original(strength)
    return enhanced * (1 - share) + original * share
