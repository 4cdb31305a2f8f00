/* What the readers of a zip's directory and of its members share. */
#ifndef MT_ZIP_H
#define MT_ZIP_H

#include "io.h"

/* What a mt_zip really is; the entries' names point into `directory_text`. */
typedef struct mt__zip {
  mt_zip zip;
  bool own;           /* the file is closed with the zip */
  int64_t shift;      /* bytes before the zip, which its offsets do not count */
  uint8_t *directory_text;
  int64_t *limits;    /* per entry: where the next one or the directory begins */
  int64_t *central;   /* per entry: where its record stands in the file */
} mt__zip;

enum {
  MT__ZIP_ENCRYPTED = 1 | 1 << 6 | 1 << 13,
  MT__ZIP_DESCRIPTOR = 1 << 3
};

/* Takes sizes (and the offset, where it is not NULL) that did not fit their 32 bits from the zip64
 * part of an extra field. */
void mt__zip64_extra(const uint8_t *extra, int64_t n, uint64_t *size, uint64_t *packed,
                     uint64_t *offset);
/* Checks the local header of an entry against the directory and finds its data. *crc_offset is
 * where its data descriptor has the CRC, or -1. */
int32_t mt__zip_locate(mt__zip *z, int64_t index, int64_t *crc_offset);

#endif
