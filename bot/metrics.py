"""The bot's own numbers, for Prometheus."""

from prometheus_client import Counter, Gauge, Histogram

DELIVERIES = Counter("muster_deliveries_total", "Alert deliveries by outcome.", ["outcome"])
HEARD = Counter("muster_heard_total", "Things that people said, by how they came.", ["source"])
DIAGNOSIS = Histogram(
    "muster_diagnosis_seconds",
    "From the first check to the verdict.",
    buckets=(0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10, 30),
)
DATADOG_LEFT = Gauge("muster_datadog_calls_left", "Calls that Datadog still allows in this period, by kind.", ["kind"])
