"""The rows of documents come together, in order of first appearance, wherever they stand in a file."""

from hypothesis import given
from hypothesis import strategies as st

from erp.exchange import documents
from erp.exchange.documents import Documents, named_in
from erp.exchange.kinds import Row

HEADER, PLACES = ("number", "customer"), {"number": 0, "customer": 1, "sku": 2}
ROWS = st.lists(st.tuples(st.sampled_from("ABCDE"), st.sampled_from(("LAMP", "CHAIR"))), max_size=40)


def kept(rows):
    """Return the rows as a file's reader keeps them."""
    made = Documents(HEADER, PLACES, PLACES, {"sku": {sku: sku for _, sku in rows}})
    for number, (document, sku) in enumerate(rows, start=2):
        cells = [document, "C1" if (document, sku) == rows[0] else "", sku]
        made.complete(cells)
        row = Row(number, PLACES, cells)
        row.values = dict(zip(PLACES, cells, strict=True))
        made.append(row)
    return made


@given(ROWS, st.integers(1, 7))
def test_rows_of_a_document_come_together_in_order_of_first_appearance(rows, together):
    before, documents._TOGETHER = documents._TOGETHER, together
    try:
        made = kept(rows)
    finally:
        documents._TOGETHER = before
    first = {}
    for place, (document, _) in enumerate(rows):
        first.setdefault(document, place)
    expected = sorted(range(len(rows)), key=lambda place: (first[rows[place][0]], place))
    for _ in range(2):
        assert [row.number for row in made] == [place + 2 for place in expected]
        assert [(row["number"], row["sku"], row.text("sku")) for row in made] == [
            (*rows[place], rows[place][1]) for place in expected
        ]
    assert len(made) == len(rows)
    assert named_in(made, "sku") == {sku for _, sku in rows} == named_in(list(made), "sku")
    assert named_in(made, "number") == {document for document, _ in rows}
