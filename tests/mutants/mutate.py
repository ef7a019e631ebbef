"""Small faults put into a module, one at a time: what its tests are there to notice.

An operator or a comparison is turned, a number moved, `and` becomes `or`, a condition is inverted,
`not` and minus signs go, a call made for what it does is left out, and nothing is returned.
Texts and types stay as they are.
"""

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.MatMult: ast.Mult,
}
# Each is turned around, and each order also moved by its bound.
_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.GtE, ast.LtE),
    ast.LtE: (ast.Gt, ast.Lt),
    ast.Gt: (ast.LtE, ast.GtE),
    ast.GtE: (ast.Lt, ast.Gt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_TOLD_BY_PARTS = (ast.Compare, ast.BoolOp)  # conditions that are changed inside


@dataclass(frozen=True)
class Mutant:
    """A module with one change, as source; where: the function, `before` and `after` in it."""

    line: int
    where: str
    before: str
    after: str
    source: str

    @property
    def change(self) -> str:
        """Without the line, which moves."""
        return f"{self.where}: {self.before} -> {self.after}"


def mutants_of(source: str) -> list[Mutant]:
    """Every change there is, in the order of the lines."""
    tree = ast.parse(source)
    found = []
    for where, parent, name, index, node in _places(tree, "module"):
        for changed in _changes(node):
            _put(parent, name, index, changed)
            made = ast.unparse(ast.fix_missing_locations(tree))
            # A number says little by itself: it is shown with what stands around it.
            shown = parent if isinstance(node, ast.Constant) else changed
            after = _first_line(shown)
            _put(parent, name, index, node)
            before = _first_line(parent if shown is parent else node)
            found.append(Mutant(node.lineno, where, before, after, made))
    return sorted(found, key=lambda mutant: mutant.line)


_Place = tuple[str, ast.AST, str, int | None, ast.expr | ast.stmt]


def _places(parent: ast.AST, where: str) -> Iterator[_Place]:
    """Every expression and statement that runs, and where it hangs in the tree."""
    for name, value in ast.iter_fields(parent):
        if name in ("annotation", "returns", "decorator_list", "type_params", "bases"):
            continue
        for index, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(node, ast.AST) or isinstance(node, (ast.JoinedStr, ast.Assert)):
                continue
            inner = f"{node.name}" if isinstance(node, (ast.FunctionDef, ast.ClassDef)) else where
            if isinstance(node, (ast.expr, ast.stmt)):
                yield inner, parent, name, index, node
            yield from _places(node, inner)


def _first_line(node: ast.AST) -> str:
    return ast.unparse(node).partition("\n")[0]


def _put(parent: ast.AST, name: str, index: int | None, node: ast.AST) -> None:
    if index is None:
        setattr(parent, name, node)
    else:
        getattr(parent, name)[index] = node


def _changes(node: ast.expr | ast.stmt) -> Iterator[ast.expr | ast.stmt]:
    match node:
        case ast.BinOp(op=op) | ast.AugAssign(op=op) if type(op) in _OPERATORS:
            yield _with(node, op=_OPERATORS[type(op)]())
        case ast.Compare(ops=ops):
            for index, op in enumerate(ops):
                for other in _COMPARISONS[type(op)]:
                    yield _with(node, ops=[*ops[:index], other(), *ops[index + 1 :]])
        case ast.BoolOp(op=op):
            yield _with(node, op=ast.Or() if isinstance(op, ast.And) else ast.And())
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield operand
        case ast.Constant(value=bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(value=int() as value):
            yield ast.Constant(value + 1)
        case ast.Constant(value=float() as value):
            yield ast.Constant(value * 2 or 1.0)
        case ast.Return(value=ast.Constant(value=None | False)):
            pass  # None is as good as False
        case ast.Return(value=ast.expr()):
            yield _with(node, value=ast.Constant(None))
        case ast.Expr(value=ast.Call()):
            yield ast.Pass()
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
            if not isinstance(test, _TOLD_BY_PARTS) and not _is_not(test):
                yield _with(node, test=ast.UnaryOp(ast.Not(), test))


def _is_not(test: ast.expr) -> bool:
    return isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)


def _with(node: ast.expr | ast.stmt, **parts: object) -> ast.expr | ast.stmt:
    changed = copy.copy(node)
    for name, value in parts.items():
        setattr(changed, name, value)
    return changed
