"""What is counted while answering, for Prometheus: every metric of the service is declared here.

Several workers count together where PROMETHEUS_MULTIPROC_DIR names a folder before this is imported.
"""

from functools import lru_cache
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from serendip.service.answer import Slate
from serendip.service.asked import ASKED

BUCKETS = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

REGISTRY = CollectorRegistry()


def counter(name: str, doc: str, *labels: str) -> Counter:
    """Declare what only grows."""
    return Counter(f"serendip_{name}", doc, labels, registry=REGISTRY)


def histogram(name: str, doc: str, *labels: str) -> Histogram:
    """Declare times."""
    return Histogram(f"serendip_{name}", doc, labels, buckets=BUCKETS, registry=REGISTRY)


def gauge(name: str, doc: str, together: Literal["livesum", "livemax"]) -> Gauge:
    """Declare what goes up and down, and what the workers that live make of it together."""
    return Gauge(f"serendip_{name}", doc, multiprocess_mode=together, registry=REGISTRY)


REQUESTS = counter("requests", "Requests that were answered.", "route", "method", "status")
SECONDS = histogram("request_seconds", "Time from request to answer.", "route")
STAGES = histogram("stage_seconds", "Time that a stage of a slate took.", "stage")
UNDER_WAY = gauge("requests_under_way", "Requests being answered now.", "livesum")
LIMITED = counter("limited", "Requests beyond the rate of a key, by its name.", "client")
SHED = counter("shed", "Requests that were turned away because too many waited.")

SLATES = counter("slates", "Slates that were answered.", "pipeline")
EMPTY = counter("slates_empty", "Slates without a single item.", "pipeline")
DEGRADED = counter("slates_degraded", "Slates that something stood in for.", "reason")
FALLBACK = counter("slates_fallback", "Slates with an item that the model did not choose.", "pipeline")
ITEMS = counter("slate_items", "Items of slates by what they owe their place to.", "source")

CACHE = counter("cache", "Look-ups in the cache of slates: hit or miss.", "outcome")
QUEUE = gauge("queue_length", "Events that wait to be written.", "livesum")

MODEL_AGE = gauge("model_age_seconds", "Time since the model that serves was fitted.", "livemax")
CPU = counter("cpu_seconds", "Processor time of the workers.")
MEMORY = gauge("memory_bytes", "Memory of the workers, what they share counted once.", "livesum")


@lru_cache(1000)
def of_stage(stage: str) -> Histogram:
    """Return the times of a stage; looking them up by label costs more than counting."""
    return STAGES.labels(stage)


def counted(slate: Slate) -> None:
    """Count a slate that is about to be answered, and note what the request's log line says of it."""
    SLATES.labels(slate.pipeline).inc()
    if not slate.items:
        EMPTY.labels(slate.pipeline).inc()
    if slate.degraded is not None:
        DEGRADED.labels(slate.degraded).inc()
    sources = [one.source for one in slate.items]
    for source in set(sources):
        ITEMS.labels(source).inc(sources.count(source))
    if any(source != "model" for source in sources):
        FALLBACK.labels(slate.pipeline).inc()
    for stage, ms in slate.timings_ms.items():
        of_stage(stage).observe(ms / 1e3)
    asked = ASKED.get()
    if asked is not None:
        asked.model, asked.pipeline, asked.stages = slate.model, slate.pipeline, slate.timings_ms
