# Drawn again by: gnuplot line_search.gp
set encoding utf8
set terminal svg size 720,440 dynamic enhanced font "Helvetica,14" background "white" linewidth 1
set output "line_search.svg"
set datafile missing "NaN"
set border 3 linecolor rgb "#333333" linewidth 1
set tics nomirror scale 0.6 textcolor rgb "#333333"
set grid ytics linetype 1 linecolor rgb "#E6E6E6" linewidth 1
set xlabel textcolor rgb "#333333" offset 0,0.2
set ylabel textcolor rgb "#333333" offset 0.8,0
unset key
set xlabel "step t along (dλ, dW)"
set ylabel "selection loss (nats/token)"
set y2label "selection perplexity" textcolor rgb "#333333" offset -0.8,0
set border 11
set xrange [-0.0640783:5.40394]
set yrange [6.0244173:6.0697625]
set y2range [6.0244173:6.0697625]
set xtics ("0" 0, "1" 1, "2" 2, "3" 3, "4" 4, "5" 5)
set ytics ("6.03" 6.03, "6.04" 6.04, "6.05" 6.05, "6.06" 6.0600000000000005)
set y2tics ("414" 6.025865973825314, "416" 6.030685260261263, "418" 6.035481432524756, "420" 6.040254711277414, "422" 6.045005314036012, "424" 6.049733455231958, "426" 6.054439346269371, "428" 6.059123195581797, "430" 6.063785208687608, "432" 6.068425588244111)
set arrow from graph 0, first 6.03545236497387 to graph 1, first 6.03545236497387 nohead back dashtype (2,4) linecolor rgb "#D55E00"
set arrow from graph 0, first 6.030609838172526 to graph 1, first 6.030609838172526 nohead back dashtype (2,4) linecolor rgb "#0072B2"
set key above left maxcols 2 samplen 2 textcolor rgb "#333333"
plot "line_search.dat" index 0 using 1:2 linecolor rgb "#D55E00" linewidth 2 pointtype 7 pointsize 0.4 with linespoints title "round 1: t* = 1.78, perplexity 415.97", \
     "+" using (1.7799541013433355):(6.030609838172526) every ::0::0 linecolor rgb "#D55E00" linewidth 2 pointtype 6 pointsize 1.2 with points notitle, \
     "line_search.dat" index 1 using 1:2 linecolor rgb "#0072B2" linewidth 2 pointtype 7 pointsize 0.4 with linespoints title "round 2: t* = 0.1197, perplexity 415.96", \
     "+" using (0.11967961678938803):(6.030584272940444) every ::0::0 linecolor rgb "#0072B2" linewidth 2 pointtype 6 pointsize 1.2 with points notitle
