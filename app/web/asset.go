package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"

	"github.com/gorilla/mux"
)

// asset is a file that pages load.
type asset struct {
	content []byte
	tag     string
}

func readAssets() (map[string]asset, error) {
	entries, err := files.ReadDir("static")
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	assets := make(map[string]asset)
	for _, entry := range entries {
		content, err := files.ReadFile("static/" + entry.Name())
		if err != nil {
			return nil, fmt.Errorf("web: %w", err)
		}
		sum := sha256.Sum256(content)
		assets[entry.Name()] = asset{content, `"` + hex.EncodeToString(sum[:8]) + `"`}
	}
	return assets, nil
}

// getAsset serves a file that pages load. A browser keeps it, and asks whether
// it is another now.
func (s *site) getAsset(w http.ResponseWriter, r *http.Request) error {
	name := mux.Vars(r)["name"]
	file, ok := s.assets[name]
	if !ok {
		return notFound(w, r)
	}
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("ETag", file.tag)
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(file.content))
	return nil
}
