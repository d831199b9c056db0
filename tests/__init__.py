"""What the project promises, held by tests; the folders are the rooms they test.

Begin with the room that you change. Here stand the tests of all rooms: `test_house` (who imports
whom), `test_readme` (its commands run as written), `test_packaging`, `test_files`.
`benchmarks` measures, and `soak` runs for hours.
"""
