// Package config reads the settings of the bridge: environment variables, each with a default, a meaning and a rule, all of them in
// one table, the tags of Settings.
//
// A secret may also be in a file that NAME_FILE names. Space around a value is cut, and an empty value counts as not set but where
// it means off. Load reports everything that is wrong at once; UnknownVariables finds misspelt names, which would have no effect.
// Names of variables in this package and in the commands are the contract's. Nothing here prints or logs.
package config
