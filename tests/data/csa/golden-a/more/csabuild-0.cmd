TZ=UTC LC_ALL=C CSACONFIG=more/plain0.conf csabuild -aA -P more/pacct -s more/spacct0
