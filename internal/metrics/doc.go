// Package metrics counts what the bridge does, for Prometheus. No label names a sensor, a site or a tenant.
//
// Counters and histograms are of this process: its client, its lines and its writers tell them by hooks. Gauges are asked
// for when somebody scrapes; those on what is stored come from the streams, so that every replica gives the same.
package metrics
