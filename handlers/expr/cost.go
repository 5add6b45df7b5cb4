package expr

import (
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
)

// linear names the functions and operators whose time and result are at most proportional to the
// size of their arguments, or have a limit of their own.
var linear = strings.Fields(`
	_==_ _!=_ _<_ _<=_ _>_ _>=_ @in _&&_ _||_ !_ _?_:_ @not_strictly_false
	_+_ _-_ _*_ _/_ _%_ -_ _[_]
	size contains startsWith endsWith charAt indexOf lastIndexOf substring trim lowerAscii upperAscii reverse
	replace join
	string int uint double bool bytes timestamp duration dyn type
	getFullYear getMonth getDate getDayOfMonth getDayOfWeek getDayOfYear getHours getMinutes getSeconds
	getMilliseconds`)

// bounded tells whether the expression's time is bounded by its own length times the size of the
// event. Most expressions are, and go without CEL's cost tracking, which would make them take three
// times as long. What loops runs under the cost limit.
func bounded(e ast.Expr) bool {
	is := true
	ast.PostOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.ComprehensionKind:
			is = false
		case ast.CallKind:
			is = is && slices.Contains(linear, e.AsCall().FunctionName())
		}
	}))
	return is
}
