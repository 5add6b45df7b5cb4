package store

// OpenAt is Open with a clock of the test's own.
var OpenAt = open

// MaxMarks is how many claims one key can hold.
const MaxMarks = maxMarks
