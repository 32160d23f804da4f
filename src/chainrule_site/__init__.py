"""Turns every .py below docs into a page, in each language.

    lesson      reads a percent file and says what is wrong with it
    clean       keeps of an output what is the same in every run
    fence       keeps a lesson in its folder and notes what it reads
    source      reads the reference package, to print it in a lesson
    figure      says how figures look, in a notebook and on a page
    execute     runs the cells of one lesson and keeps what they show
    warm        the process that has imported PyTorch and forks one process a lesson
    cache       keeps what lessons showed, and notices when it no longer holds
    run         hands lessons to that process and judges what comes back
    drift       says what lessons show that they did not show before
    page        writes a lesson as Markdown, in one language
    download    writes it as a .py file or a notebook, in one language
    catalogue   writes the table of error messages as a box and as a list
    cost        says what it took to make the pages
    export      writes all pages as plain Markdown
    metadata    says what machines want to know of pages
    preview     draws the picture that others show of a page
    tex         writes formulas as HTML
    texts       writes what the search box reads
    finish      describes a page, and drops what it does not use
    policy      says in a page what a browser may load and run for it
    torchlinks  finds the documentation page of a PyTorch name
    plugins     hand all of this to MkDocs, which nothing else here knows

Nothing here imports `chainrule`, and nothing in `chainrule` knows there is a site.
"""
