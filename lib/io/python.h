/* What the files at the border to CPython share. */
#ifndef MT_PYTHON_H
#define MT_PYTHON_H

#include "io.h"

/* The interpreter's functions. */
const mt_python *mt__python(void);
/* Frees a hold whose object stays the caller's. */
void mt__python_unhold(mt_pyhold *h);

#endif
