TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csarecy -A -R -s more/spacct -P more/recycled
