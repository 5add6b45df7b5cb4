package chaos

// For tests.
var (
	Plan   = plan
	FateOf = fateOf
)
