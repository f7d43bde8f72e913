"""Comment trees as Reddit cuts them: `more` stubs for what is left out, and morechildren.

A tree shows `limit` comments, level by level in the order asked for; each gap among siblings is one
stub. Below `depth` levels a stub with count 0 means "continue this thread".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from demo import reddit_wire as wire
from demo.history import counts, end, exists
from demo.model import Community, Post

MORE_CHILDREN: Final = 100


@dataclass(frozen=True, slots=True)
class Cut:
    """How much of a tree to show, and in which order."""

    limit: int
    depth: int
    sort: str = "confidence"


@dataclass(frozen=True, slots=True)
class Tree:
    """The comments that stand under a submission at an instant."""

    community: Community
    now: datetime

    def children(self, parent_id: str, sort: str = "confidence") -> list[Post]:
        """List a post's answers that show: a deleted one shows only above others."""
        shown = [
            answer for answer in self.community.answers.get(parent_id, ()) if self.shows(answer)
        ]
        if sort in ("new", "old"):
            return sorted(shown, key=lambda post: post.created_at, reverse=sort == "new")
        return sorted(
            shown,
            key=lambda post: (-counts(self.community, post, self.now).likes, post.native_id),
        )

    def shows(self, post: Post) -> bool:
        """Whether a comment has a place in its tree."""
        if not exists(post, self.now):
            return False
        if end(post, self.now) is None:
            return True
        below = self.community.answers.get(post.native_id, ())
        return any(self.shows(answer) for answer in below)

    def size(self, post: Post) -> int:
        """Count a comment and all below it."""
        return 1 + sum(self.size(answer) for answer in self.children(post.native_id))

    def forest(self, parents: Sequence[Post], cut: Cut, *, parent_id: str) -> list[dict[str, Any]]:
        """Give nested things for `parents` and what is below, with stubs."""
        chosen = self._chosen(parents, cut)
        return self._level(parents, chosen, cut, depth=0, parent_id=parent_id)

    def _chosen(self, parents: Sequence[Post], cut: Cut) -> frozenset[str]:
        """Choose the comments to show: level by level, up to the limit."""
        chosen: list[str] = []
        level, depth = list(parents), 0
        while level and depth < cut.depth and len(chosen) < cut.limit:
            taken = level[: cut.limit - len(chosen)]
            chosen += [post.native_id for post in taken]
            level = [below for post in taken for below in self.children(post.native_id, cut.sort)]
            depth += 1
        return frozenset(chosen)

    def _level(
        self,
        posts: Sequence[Post],
        chosen: frozenset[str],
        cut: Cut,
        *,
        depth: int,
        parent_id: str,
    ) -> list[dict[str, Any]]:
        things: list[dict[str, Any]] = []
        for post in posts:
            if post.native_id not in chosen:
                continue
            data = wire.comment(self.community, post, self.now, depth=depth)
            below = self.children(post.native_id, cut.sort)
            if below:
                nested = self._level(below, chosen, cut, depth=depth + 1, parent_id=post.native_id)
                data["replies"] = wire.listing(nested)
            things.append(wire.thing("t1", data))
        left = [post for post in posts if post.native_id not in chosen]
        if left:
            things.append(self._stub(left, parent_id, depth, is_deep=depth >= cut.depth))
        return things

    def _stub(
        self, left: Sequence[Post], parent_id: str, depth: int, *, is_deep: bool
    ) -> dict[str, Any]:
        if is_deep:
            empty = {"count": 0, "name": "t1__", "id": "_", "parent_id": parent_id}
            return wire.thing("more", {**empty, "depth": depth, "children": []})
        names = [post.native_id.removeprefix("t1_") for post in left]
        return wire.thing(
            "more",
            {
                "count": sum(self.size(post) for post in left),
                "name": f"t1_{names[0]}",
                "id": names[0],
                "parent_id": parent_id,
                "depth": depth,
                "children": names,
            },
        )

    def more(self, root: Post, wanted: Sequence[str], cut: Cut) -> list[dict[str, Any]]:
        """Answer morechildren: a flat list of up to 100 comments, parents first, then stubs."""
        posts = [
            post
            for name in wanted
            if (post := self.community.by_id.get(f"t1_{name}")) is not None
            and post.root_id == root.native_id
            and self.shows(post)
        ]
        budget = Cut(min(cut.limit, MORE_CHILDREN), cut.depth, cut.sort)
        chosen = self._chosen(posts, budget)
        things: list[dict[str, Any]] = []
        for parent_id in dict.fromkeys(str(post.parent_id) for post in posts):
            siblings = [post for post in posts if post.parent_id == parent_id]
            depth = self._depth(siblings[0])
            nested = self._level(
                siblings, chosen, Cut(budget.limit, depth + cut.depth, cut.sort),
                depth=depth, parent_id=parent_id,
            )  # fmt: skip
            things += _flat(nested)
        return things

    def _depth(self, post: Post) -> int:
        depth = 0
        while post.parent_id is not None and post.parent_id != post.root_id:
            post = self.community.by_id[post.parent_id]
            depth += 1
        return depth


def _flat(nested: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Flatten nested things, parents before their answers."""
    flat: list[dict[str, Any]] = []
    for item in nested:
        flat.append(item)
        replies = item["data"].get("replies")
        if replies:
            flat += _flat(replies["data"]["children"])
            item["data"]["replies"] = ""
    return flat
