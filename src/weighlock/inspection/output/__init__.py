"""A result as other tools read it: SARIF, Markdown, JUnit, an in-toto statement."""
