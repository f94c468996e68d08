package saveristest

import "strings"

// takes is the model of a POST's body (document 5).
type takes byte

const (
	takesNothing takes = iota // a GET in one call
	takesRangeOData
	takesOData
	takesRange
	takesInertRange // accepted and without effect
	takesPlain
)

func (t takes) ranged() bool { return t == takesRange || t == takesRangeOData }
func (t takes) odata() bool  { return t == takesOData || t == takesRangeOData }

// endpoints are the paths of the document but for the login (4.2 to 4.4), with their scheme. The same name is a call in one
// version and an export in another.
var endpoints = map[string]operation{
	"v1/measurements": {feed: FeedMeasurements, version: 1, scheme: schemeC, takes: takesRange},
	"v2/measurements": {feed: FeedMeasurements, version: 2, scheme: schemeJ, takes: takesRangeOData},
	"v1/alarms":       {feed: FeedAlarms, version: 1, scheme: schemeC, takes: takesRange},
	"v2/alarms":       {feed: FeedAlarms, version: 2, scheme: schemeJ, takes: takesRangeOData},
	"v3/alarms":       {feed: FeedAlarms, version: 3, scheme: schemeJ, takes: takesRangeOData},

	"v1/tasks": {feed: FeedTasks, version: 1, scheme: schemeC, takes: takesRange},
	"v2/tasks": {feed: FeedTasks, version: 2, scheme: schemeC, takes: takesRange},
	"v3/tasks": {feed: FeedTasks, version: 3, scheme: schemeJ, takes: takesRangeOData},

	"v1/devices/properties":       {feed: FeedProperties, version: 1, scheme: schemeC},
	"v1/devices/properties-async": {feed: FeedProperties, version: 1, scheme: schemeC, takes: takesInertRange},
	"v2/devices/properties-async": {feed: FeedProperties, version: 2, scheme: schemeC, takes: takesPlain},
	"v3/devices/properties":       {feed: FeedProperties, version: 3, scheme: schemeJ, takes: takesOData},
	"v1/devices/status":           {feed: FeedDeviceStatus, version: 1, scheme: schemeC},
	"v2/devices/status-sync":      {feed: FeedDeviceStatus, version: 2, scheme: schemeC},
	"v2/devices/status":           {feed: FeedDeviceStatus, version: 2, scheme: schemeC, takes: takesInertRange},
	"v3/devices/status":           {feed: FeedDeviceStatus, version: 3, scheme: schemeJ, takes: takesOData},
	"v4/devices/status":           {feed: FeedDeviceStatus, version: 4, scheme: schemeJ, takes: takesOData},
	"v2/sensors/status-sync":      {feed: FeedSensorStatus, version: 2, scheme: schemeC},
	"v2/sensors/status":           {feed: FeedSensorStatus, version: 2, scheme: schemeC, takes: takesInertRange},
	"v3/sensors/status":           {feed: FeedSensorStatus, version: 3, scheme: schemeJ, takes: takesOData},
	"v4/sensors/status":           {feed: FeedSensorStatus, version: 4, scheme: schemeJ, takes: takesOData},
	"v1/equipments":               {feed: FeedEquipments, version: 1, scheme: schemeC},
	"v2/equipments-sync":          {feed: FeedEquipments, version: 2, scheme: schemeC},
	"v2/equipments":               {feed: FeedEquipments, version: 2, scheme: schemeC, takes: takesInertRange},
	"v3/equipments":               {feed: FeedEquipments, version: 3, scheme: schemeC, takes: takesInertRange},
	"v4/equipments":               {feed: FeedEquipments, version: 4, scheme: schemeJ, takes: takesOData},
	"v1/tenants":                  {feed: FeedTenants, version: 1, scheme: schemeC},
	"v2/tenants-sync":             {feed: FeedTenants, version: 2, scheme: schemeC},
	"v3/tenants-sync":             {feed: FeedTenants, version: 3, scheme: schemeJ},
	"v2/tenants":                  {feed: FeedTenants, version: 2, scheme: schemeC, takes: takesInertRange},
	"v3/tenants":                  {feed: FeedTenants, version: 3, scheme: schemeJ, takes: takesOData},
	"v1/locations":                {feed: FeedLocations, version: 1, scheme: schemeJ, takes: takesOData},
	"v1/measuring-objects":        {feed: FeedMeasuringObjects, version: 1, scheme: schemeJ, takes: takesOData},
}

// endpoint finds the endpoint of a path, and the request_uuid behind it.
func endpoint(path string) (op operation, id string, known bool) {
	if op, known = endpoints[path]; known {
		return op, "", true
	}
	cut := strings.LastIndexByte(path, '/')
	if cut < 0 || cut == len(path)-1 {
		return op, "", false
	}
	op, known = endpoints[path[:cut]]
	return op, path[cut+1:], known && op.takes != takesNothing
}
