package config

import (
	"fmt"
	"slices"
	"strings"
)

// Suggest returns a hint for a word that is none of the valid ones: the
// nearest of them when one is near enough to be a typo, else all of them. It
// returns "" when there is no valid word.
func Suggest(word string, valid []string) string {
	best, bestDistance := "", len(word)/3+2
	for _, v := range slices.Sorted(slices.Values(valid)) {
		if d := distance(strings.ToLower(word), strings.ToLower(v)); d < bestDistance {
			best, bestDistance = v, d
		}
	}
	switch {
	case best != "":
		return didYouMean(best)
	case len(valid) > 0:
		return "valid: " + strings.Join(valid, ", ")
	}
	return ""
}

func didYouMean(word string) string { return fmt.Sprintf("did you mean %q?", word) }

// distance is the Levenshtein distance, in characters.
func distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range from {
		diagonal := row[0]
		row[0] = i + 1
		for j, y := range to {
			cost := 1
			if x == y {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(to)]
}
