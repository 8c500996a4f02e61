"""What can go wrong with a cluster.

EnhancerError
└── ClusterError          the cluster could not do it
    ├── ClusterLostError  the scheduler is gone
    └── WorkersDiedError  every worker that worked on a recording died over it
"""

from audio_enhance.local.enhancer.errors import EnhancerError


class ClusterError(EnhancerError):
    """A cluster that cannot be reached, has no fit workers, or could not do a recording."""


class ClusterLostError(ClusterError):
    """The cluster's scheduler is gone, and so is the work that it had."""


class WorkersDiedError(ClusterError):
    """A recording that killed every worker that worked on it."""
