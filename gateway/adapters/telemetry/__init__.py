"""Measurements for Prometheus: counted on the order path, read from state at the scrape, served as one page."""

from gateway.adapters.telemetry.collectors import Gauges, Reading
from gateway.adapters.telemetry.prometheus import PrometheusTelemetry

__all__ = ["Gauges", "PrometheusTelemetry", "Reading"]
