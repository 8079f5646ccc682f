#!/usr/bin/python3
"""Drives a window through the accessibility tree, as a screen reader sees it.

Reads one request a line, as JSON, and answers each with one line: {"ok": ...} or {"error": ...}.
Started by tests/it/desktop.rs with the process id of the program as its argument.
"""

import json
import sys
import time

import pyatspi

PATIENCE_SECONDS = 20


def application(pid):
    desktop = pyatspi.Registry.getDesktop(0)
    for index in range(desktop.childCount):
        child = desktop.getChildAtIndex(index)
        if child is not None and child.get_process_id() == pid:
            return child
    return None


def walk(node):
    yield node
    for index in range(node.childCount):
        child = node.getChildAtIndex(index)
        if child is not None:
            yield from walk(child)


def has(node, state):
    return node.getState().contains(state)


def find(pid, role, name):
    root = application(pid)
    if root is None:
        return None
    for node in walk(root):
        # A dialog's buttons are named by their label and by what is in it.
        if node.getRoleName() == role and node.name in (name, f"{name} {name}"):
            return node
    return None


def texts(pid):
    root = application(pid)
    if root is None:
        return []
    found = []
    for node in walk(root):
        if node.getRoleName() == "label" and node.name:
            found.append(node.name)
    return found


def focused(pid):
    root = application(pid)
    if root is None:
        return None
    for node in walk(root):
        if has(node, pyatspi.STATE_FOCUSED):
            return f"{node.getRoleName()}: {node.name}"
    return ""


def tree(pid):
    root = application(pid)
    return [[node.getRoleName(), node.name] for node in walk(root)] if root else []


def act(pid, request):
    what = request["do"]
    if what == "texts":
        return texts(pid)
    if what == "tree":
        return tree(pid)
    if what == "focused":
        return focused(pid)
    node = find(pid, request["role"], request["name"])
    if node is None:
        return None
    if what == "exists":
        return True
    if what == "sensitive":
        return has(node, pyatspi.STATE_SENSITIVE)
    if what == "click":
        if not has(node, pyatspi.STATE_SENSITIVE):
            return None
        return node.queryAction().doAction(0)
    if what == "type":
        return node.queryEditableText().setTextContents(request["text"])
    if what == "text":
        text = node.queryText()
        return text.getText(0, text.characterCount)
    raise ValueError(what)


def main():
    pid = int(sys.argv[1])
    for line in sys.stdin:
        request = json.loads(line)
        deadline = time.monotonic() + PATIENCE_SECONDS
        answer = None
        error = "not found"
        while answer is None and time.monotonic() < deadline:
            try:
                answer = act(pid, request)
            except Exception as exception:  # a node that went away while it was looked at
                error = repr(exception)
            if answer is None:
                time.sleep(0.05)
        answered = {"ok": answer} if answer is not None else {"error": error}
        print(json.dumps(answered, ensure_ascii=False), flush=True)


main()
