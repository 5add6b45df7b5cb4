package graph

// What is written for a label in either language.
var (
	MermaidText = mermaidText
	DOTText     = dotText
)
