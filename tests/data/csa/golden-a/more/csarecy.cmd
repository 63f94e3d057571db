TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csarecy -r -s more/spacct -P more/recycled
