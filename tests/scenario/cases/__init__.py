# SPDX-License-Identifier: BSD-3-Clause
"""The scenes, one module a subject. Each is a function marked by @scenario; its docstring is what
the runner prints."""

scenarios = []


class Scenario:
    def __init__(self, function, seconds, limit):
        self.name = function.__name__
        self.about = " ".join(function.__doc__.split())
        self.run = function
        self.seconds = seconds
        self.limit = limit or seconds * 2 + 60


def scenario(seconds, limit=None):
    """seconds: about how long it takes (long ones start first); limit: it hangs after that."""
    def mark(function):
        scenarios.append(Scenario(function, seconds, limit))
        return function
    return mark


def load():
    """Imports every module of scenes and returns the scenarios."""
    import importlib
    import pkgutil
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(__name__ + "." + module.name)
    return scenarios
