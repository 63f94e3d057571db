TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csaverify -v -o more/cut.off -P more/cut1
