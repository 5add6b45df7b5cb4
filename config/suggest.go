package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// Suggest returns a hint for a word that is none of the valid ones: the
// nearest of them when one is near enough to be a typo, else all of them. It
// returns "" when there is no valid word.
func Suggest(word string, valid []string) string {
	if best := Nearest(word, valid); best != "" {
		return didYouMean(best)
	}
	if len(valid) > 0 {
		return "valid: " + strings.Join(valid, ", ")
	}
	return ""
}

// Nearest returns the valid word that a typo probably meant, "" when none is
// near enough.
func Nearest(word string, valid []string) string {
	best, bestDistance := "", len(word)/3+2
	if len(word) > maxWord {
		return ""
	}
	for _, v := range slices.Sorted(slices.Values(valid)) {
		if d := levenshtein.ComputeDistance(strings.ToLower(word), strings.ToLower(v)); d < bestDistance {
			best, bestDistance = v, d
		}
	}
	return best
}

// maxWord is the longest word, in bytes, that is compared with others: nobody
// mistypes longer ones, and comparing takes quadratic time.
const maxWord = 100

func didYouMean(word string) string { return fmt.Sprintf("did you mean %q?", word) }
