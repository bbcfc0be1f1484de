"""With the options of a new installation every action leaves what the release before the planner left."""

import os

from tests.properties.kept_books import Player, kept_books

EXAMPLES = int(os.environ.get("ERP_TEST_EXAMPLES", "8"))


def test_each_step_of_a_random_book_leaves_what_the_release_before_the_planner_left(app):
    books = kept_books()
    assert len(books) == 1000
    for number, (steps, results) in enumerate(books[:EXAMPLES]):
        played = Player().play(steps)
        for place, (step, result, kept) in enumerate(zip(steps, played, results, strict=True)):
            assert result == kept, f"book {number}, step {place}, {step}: something else than {kept}"
