#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""bus_page.py XML: prints the manual page of an interface, for scdoc(1), from
its introspection file: each member with its arguments, and the comment before
it. So the page says what the contract says."""

import re
import sys
import textwrap
import xml.etree.ElementTree as ElementTree

EMITS = "org.freedesktop.DBus.Property.EmitsChangedSignal"
WIDTH = 67  # of 78 columns: what mandoc(1) and man(1) print such a text in
FULL = 95  # a line of a comment that is longer goes on in the next one


def parse(path):
    builder = ElementTree.TreeBuilder(insert_comments=True)
    return ElementTree.parse(path, ElementTree.XMLParser(target=builder)).getroot()


def head_comment(path):
    """What stands before the root: the builder does not keep it."""
    with open(path, encoding="utf-8") as file:
        text = file.read().split("<node>", maxsplit=1)[0]
    return text.rpartition("<!--")[2].rpartition("-->")[0]


def unindent(text):
    first, newline, rest = text.strip("\n").partition("\n")
    return first.strip() + newline + textwrap.dedent(rest).rstrip()


def escaped(text):
    return "".join(f"\\{character}" if character in "\\_*<>[]#" else character for character in text)


def narrowed(text):
    """The text in lines of WIDTH: each paragraph below its first line, and in a table's row below its last column."""
    parts, column, last = [], -1, ""  # a part: what stands before its words, how far its other lines go in, its words
    for line in text.split("\n"):
        own = len(line) - len(line.lstrip())
        row = re.match(r" *(\S+( \S+)* {2,})+(?=\S)", line)
        hangs = own == column + 2 and len(parts[-1][2]) == 1
        if line and not row and (own == column or hangs) and len(last) > FULL:
            parts[-1][2].append(line.strip())
            if hangs:
                column = parts[-1][1] = own
        else:
            column = row.end() if row else own
            if column <= WIDTH // 2:
                parts.append([line[:column], column, [line[column:]]])
            else:  # too far to the right for anything to stand below it
                parts.append([" " * (own if row else parts[-1][1]), own + 4 if row else parts[-1][1], [line.strip()]])
        last = line
    lines = []
    for head, inside, words in parts:
        filled = textwrap.wrap(" ".join(words), WIDTH, initial_indent=head, subsequent_indent=" " * inside,
                               break_long_words=False, break_on_hyphens=False)  # fmt: skip
        lines += filled or [""]
    return "\n".join(lines)


def literal(text):
    """Kept as it is written, but for its width: the comments have tables in them."""
    return f"```\n{narrowed(unindent(text))}\n```\n" if text.strip() else ""


def signature(member):
    def of(direction):
        return ", ".join(f"{argument.get('type')} {argument.get('name')}" for argument in member.iter("arg")
                         if argument.get("direction", "out") == direction)

    taken, given = of("in"), of("out")
    if member.tag == "signal":
        return f"({given})"
    return f"({taken})" + (f" -> ({given})" if given else "")


def describe(member):
    name = escaped(member.get("name"))
    if member.tag != "property":
        return f"## {name}\n\n*{name}*{escaped(signature(member))}\n\n"
    emits = [note.get("value") for note in member.iter("annotation") if note.get("name") == EMITS]
    when = {"const": "never changes", "false": "changes are not told"}.get(emits[0] if emits else "", "changes are told")
    return f"## {name}\n\n*{name}* {escaped(member.get('type'))}: {when}\n\n"


def main(path):
    interface = next(parse(path).iter("interface"))
    name = interface.get("name")
    out = [f"{name}(5)\n\n# NAME\n\n{name} - Corral on D-Bus\n\n# DESCRIPTION\n\n", literal(head_comment(path)), "\n"]
    kind = comment = ""
    for element in interface:
        if element.tag is ElementTree.Comment:
            comment = element.text
            continue
        if element.tag != kind:
            kind = element.tag
            out.append({"method": "# METHODS", "signal": "# SIGNALS", "property": "# PROPERTIES"}[kind] + "\n\n")
        out += [describe(element), literal(comment), "\n"]
        comment = ""
    out.append("# SEE ALSO\n\n*corral*(1), *corrald*(8), *org.corral.Manager1*(5), *org.corral.Job1*(5)\n")
    sys.stdout.write("".join(out))


main(sys.argv[1])
