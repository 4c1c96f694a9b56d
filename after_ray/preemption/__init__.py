"""Notice that this process will be ended soon: unfinished work is saved where it next could be, then left."""

from after_ray.preemption.notice import NOTICE, Notice, Preempted
from after_ray.preemption.watcher import VARIABLE, UnknownProvider, provider_of, watch_node

__all__ = ["NOTICE", "VARIABLE", "Notice", "Preempted", "UnknownProvider", "provider_of", "watch_node"]
