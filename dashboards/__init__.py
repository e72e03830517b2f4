"""The human face: a window on a house in, its pages out (entry point `sentinel.faces`).

`app` puts the pages together, `pages/` holds one file a page, `asking` reads addresses,
`figures` writes numbers, `drawing` draws what needs no script, `rendering` fills templates.
"""
