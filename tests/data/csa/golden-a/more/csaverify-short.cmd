TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csaverify -P more/short1
