package expr

import (
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/decls"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/ext"
)

// maxResult is how long the text that replace and join make may be, in bytes.
const maxResult = 1 << 20

// stringFunctions are CEL's string extensions. Four of them are our own: CEL charges for a call once
// it has returned, and an event of a megabyte could have replace and join fill the memory, and
// indexOf and lastIndexOf, which compare every place with every other, run for minutes before that.
func stringFunctions() ([]cel.EnvOption, error) {
	extended, err := cel.NewEnv(ext.Strings())
	if err != nil {
		return nil, err
	}
	var linear []*decls.FunctionDecl
	var costs []cost.OverloadModel
	for _, name := range strings.Fields("charAt format lowerAscii reverse split substring trim upperAscii") {
		f := extended.Functions()[name]
		linear = append(linear, f)
		for _, o := range f.OverloadDecls() {
			costs = append(costs, costOf(o.ID()))
		}
	}
	str, num, list := cel.StringType, cel.IntType, cel.ListType(cel.DynType)
	costs = append(costs, costOf("text_replace"), costOf("text_join"), costOf("text_join_separator"),
		costOf("text_index_of"), costOf("text_last_index_of"))
	return []cel.EnvOption{
		cel.FunctionDecls(linear...),
		cel.Function("replace", cel.MemberOverload("text_replace", []*cel.Type{str, str, str}, str, cel.FunctionBinding(replace))),
		cel.Function("join",
			cel.MemberOverload("text_join", []*cel.Type{list}, str, cel.UnaryBinding(func(l ref.Val) ref.Val { return join(l, types.String("")) })),
			cel.MemberOverload("text_join_separator", []*cel.Type{list, str}, str, cel.BinaryBinding(join))),
		cel.Function("indexOf", cel.MemberOverload("text_index_of", []*cel.Type{str, str}, num, cel.BinaryBinding(index(strings.Index)))),
		cel.Function("lastIndexOf", cel.MemberOverload("text_last_index_of", []*cel.Type{str, str}, num, cel.BinaryBinding(index(strings.LastIndex)))),
		cel.CostModel(costs...),
	}, nil
}

// costOf charges for reading the text or list, and for what is made of it.
func costOf(overload string) cost.OverloadModel {
	return cost.MemberOverload(overload, cost.EvalCost(cost.Sum(
		cost.Const(cost.CallCost), cost.StringScan(cost.Length(cost.Target())), cost.Length(cost.Result()))))
}

func replace(args ...ref.Val) ref.Val {
	text, isText := args[0].(types.String)
	old, isOld := args[1].(types.String)
	by, isBy := args[2].(types.String)
	if !isText || !isOld || !isBy {
		return types.MaybeNoSuchOverloadErr(args[0])
	}
	count := strings.Count(string(text), string(old))
	if len(text)+count*(len(by)-len(old)) > maxResult {
		return types.NewErr("replace: the result would be longer than %d bytes", maxResult)
	}
	return types.String(strings.ReplaceAll(string(text), string(old), string(by)))
}

// join puts the elements of a list together, each as a hole would print it.
func join(values, separator ref.Val) ref.Val {
	list, isList := values.(traits.Lister)
	between, isText := separator.(types.String)
	if !isList || !isText {
		return types.MaybeNoSuchOverloadErr(values)
	}
	var text []byte
	for it, i := list.Iterator(), 0; it.HasNext() == types.True; i++ {
		if i > 0 {
			text = append(text, between...)
		}
		var err error
		if text, err = appendVal(text, it.Next()); err != nil {
			return types.NewErr("join: element %d %v", i, err)
		}
		if len(text) > maxResult {
			return types.NewErr("join: the result would be longer than %d bytes", maxResult)
		}
	}
	return types.String(text)
}

// index makes a function that finds text in text, and counts in characters.
func index(find func(text, part string) int) func(text, part ref.Val) ref.Val {
	return func(text, part ref.Val) ref.Val {
		in, isText := text.(types.String)
		what, isPart := part.(types.String)
		if !isText || !isPart {
			return types.MaybeNoSuchOverloadErr(text)
		}
		at := find(string(in), string(what))
		if at > 0 {
			at = utf8.RuneCountInString(string(in[:at]))
		}
		return types.Int(at)
	}
}
