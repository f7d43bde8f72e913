"""Clusters as a forest (union-find): what was joined, however it was, has one head."""

import numpy as np
import numpy.typing as npt


class Forest:
    """Nodes 0 to n - 1, each first a cluster of its own; a cluster's head is its least node."""

    def __init__(self, count: int) -> None:
        """Begin with `count` nodes."""
        self._above = list(range(count))

    def grow(self, count: int) -> None:
        """Add nodes at the end."""
        self._above.extend(range(len(self._above), len(self._above) + count))

    def join(self, one: int, other: int) -> None:
        """Make two nodes' clusters one."""
        first, last = sorted((self._head(one), self._head(other)))
        self._above[last] = first

    def is_joined(self, one: int, other: int) -> bool:
        """Tell whether two nodes are of one cluster."""
        return self._head(one) == self._head(other)

    def heads(self) -> npt.NDArray[np.int64]:
        """Return every node's head, in the order of nodes."""
        heads = np.array(self._above, dtype=np.int64)
        while not np.array_equal(above := heads[heads], heads):
            heads = above
        return heads

    def _head(self, node: int) -> int:
        """Follow a node to its head; the way there is shortened."""
        above = self._above
        while above[node] != node:
            above[node] = above[above[node]]
            node = above[node]
        return node
