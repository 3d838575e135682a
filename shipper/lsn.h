/*
 * lsn.h
 *		How a position in the WAL is written.
 */
#ifndef TUPLECAST_LSN_H
#define TUPLECAST_LSN_H

#include <stdint.h>

#define LSN_FORMAT	  "%X/%X"
#define LSN_ARGS(lsn) (unsigned) ((lsn) >> 32), (unsigned) (lsn)

#endif /* TUPLECAST_LSN_H */
