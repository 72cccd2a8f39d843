// Package report is what the load generator says of one run, in the form that
// other programs read.
package report

// Run is one measured run.
type Run struct {
	Mode     string           `json:"mode"`
	Users    int              `json:"users"`   // browsers at once
	Seconds  float64          `json:"seconds"` // measured
	Logins   int              `json:"logins"`  // that came through
	Failed   int              `json:"failed"`
	Failures map[string]int   `json:"failures,omitempty"` // how often each failure was seen
	P50      float64          `json:"p50_ms"`             // of a whole login, browser and application included
	P99      float64          `json:"p99_ms"`
	Usage    map[string]Usage `json:"usage"` // by process name
}

// Usage is what one process used for the logins of a run.
type Usage struct {
	CPU      float64 `json:"cpu_ms_per_login"` // user and system, milliseconds
	Resident float64 `json:"resident_mib"`     // at the end
	Written  float64 `json:"written_kib_per_login"`
}
