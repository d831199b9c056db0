"""How hypothesis chooses: a fixed number of examples, no deadline on a busy machine."""

from hypothesis import HealthCheck, settings

chosen = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
