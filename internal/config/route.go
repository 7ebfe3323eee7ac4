package config

import "cocsync/internal/coc"

// Route says where some changes go, and whom they mention. A change is meant
// when it fits each list that is not empty, and it fits a list when it fits
// anything in it.
type Route struct {
	Names      []string   `toml:"names"` // of the document; only * is special
	Kinds      []coc.Kind `toml:"kinds"`
	RiskLevels []string   `toml:"risk_levels"` // in upper or lower case
	Paths      []string   `toml:"paths"`       // see coc.PathFits
	Tasks      []string   `toml:"tasks"`       // see coc.TaskFits
	Notify     []string   `toml:"notify"`      // empty: the watch's own
	Mention    []string   `toml:"mention"`     // IDs in Slack: U… and W… are people, S… user groups
	Continue   bool       `toml:"continue"`    // the routes below are looked at too
}

// Person is who a user of COC is.
type Person struct {
	Name  string `toml:"name"`
	Slack string `toml:"slack"` // U… or W…; "" when unknown
}
