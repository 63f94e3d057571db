TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csabuild -P more/joined -s more/joined-sorted
