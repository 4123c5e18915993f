"""Tables of commands: Hangul takes two cells."""

from gateway.commands.columns import columns, width


def test_columns_line_up_whatever_the_script():
    rows = [("성명", "PERSON", "mask"), ("IP주소", "IP_ADDRESS", "replace"), ("x",)]
    lines = columns(rows).splitlines()
    assert width(lines[0].partition("PERSON")[0]) == width(lines[1].partition("IP_")[0]) == 8
    assert lines[2] == "x"
    assert all(line == line.rstrip() for line in lines)
