"""The bot's own numbers, for Prometheus."""

from prometheus_client import Counter, Histogram

DELIVERIES = Counter("muster_deliveries_total", "Alert deliveries by outcome.", ["outcome"])
HEARD = Counter("muster_heard_total", "Things that people said, by how they came.", ["source"])
DIAGNOSIS = Histogram(
    "muster_diagnosis_seconds",
    "From the first check to the verdict.",
    buckets=(0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10, 30),
)
