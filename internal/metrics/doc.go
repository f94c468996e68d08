// Package metrics counts what the bridge does, for Prometheus. No label names a sensor, a site or a tenant.
package metrics
