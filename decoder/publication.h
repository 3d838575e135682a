/*
 * publication.h
 *		What publications say of a relation: operations, columns, rows, name.
 *
 * As the server's own pgoutput reads them.
 */
#ifndef TUPLECAST_PUBLICATION_H
#define TUPLECAST_PUBLICATION_H

#include "compat.h"

#include "options.h"
#include "relcache.h"

typedef struct Published
{
	int ops;			/* OPS_*; 0: not published */
	Oid relid;			/* whose name and columns the rows go out under */
	List *publications; /* of Publication *: those that say so */
} Published;

/* ERROR if one of the publications does not exist. */
extern void publication_find(Published *out, Relation rel,
							 const PluginOptions *opts);
/* Attribute numbers of the published relation, or NULL for all. */
extern Bitmapset *publication_columns(const Published *pub, Relation published);

/* Lives in the current context; NULL: every row. */
extern RowFilter *publication_filter(const Published *pub, Relation leaf,
									 Relation published);
/*
 * Whether a change is published, and as what: an update that brings a row into
 * the publication is an insert, one that takes it out a delete.
 */
extern bool row_filter_keeps(RowFilter *filter, char *op, const RowImage *old,
							 const RowImage *new);

#endif /* TUPLECAST_PUBLICATION_H */
