"""Published results, each under the protocol of its set: what ours stand beside.

They are quoted from the literature and were not run again here. The citation is of the method; `unchecked` marks a
figure that is quoted from memory and still has to be held against its paper.
"""

from dataclasses import dataclass

POPULAR = "the most popular items, for everyone alike"
KNN_ITEM = "Sarwar, Karypis, Konstan, Riedl, WWW 2001"
KNN_USER = "Resnick, Iacovou, Suchak, Bergstrom, Riedl, CSCW 1994"
BPR = "Rendle, Freudenthaler, Gantner, Schmidt-Thieme, UAI 2009, arXiv:1205.2618"
SLIM = "Ning, Karypis, ICDM 2011"
EASE = "Steck, WWW 2019, arXiv:1905.03375"
MULTVAE = "Liang, Krishnan, Hoffman, Jebara, WWW 2018, arXiv:1802.05814"
RP3BETA = "Paudel, Christoffel, Newell, Bernstein, TiiS 7(1), 2016"
LIGHTGCN = "He, Deng, Wang, Li, Zhang, Wang, SIGIR 2020, arXiv:2002.02126"
NGCF = "Wang, He, Wang, Feng, Chua, SIGIR 2019, arXiv:1905.08108"
SEPT = "Yu, Yin, Gao, Xia, Zhang, Hung, KDD 2021, arXiv:2106.03569"
GFCF = "Shen et al., CIKM 2021, arXiv:2108.07567"
ULTRAGCN = "Mao et al., CIKM 2021, arXiv:2110.15114"
SIMPLEX = "Mao et al., CIKM 2021, arXiv:2109.12613"
BSPM = "Choi, Hong, Park, Cho, SIGIR 2023, arXiv:2211.09324"
NESCL = "Sun et al., Neighborhood-Enhanced Supervised Contrastive Learning for Collaborative Filtering, TKDE 2023"
PURESVD = "Cremonesi, Koren, Turrin, RecSys 2010"
NMF_RANK = "Lee, Seung, Nature 401, 1999"
NEUMF = "He, Liao, Zhang, Nie, Hu, Chua, WWW 2017, arXiv:1708.05031"
MF = "Rendle, Krichene, Zhang, Anderson, RecSys 2020, arXiv:2005.09683"
IALS = "Rendle, Krichene, Zhang, Koren, RecSys 2022, arXiv:2110.14037"
SURPRISE = "as measured by Surprise: Hug, JOSS 5(52), 2020"
SVDPP = f"Koren, KDD 2008; {SURPRISE}"
SVD = f"Funk, 2006; Koren, Bell, Volinsky, Computer 42(8), 2009; {SURPRISE}"
KNN_BASELINE = f"Koren, TKDD 4(1), 2010; {SURPRISE}"
GCMC = "van den Berg, Kipf, Welling, 2017, arXiv:1706.02263"
IMCGAE = "Shen et al., IJCAI 2021"
FRAPPE = "as measured by BARS: Zhu et al., SIGIR 2022, arXiv:2205.09626"
GLOCALK = "Han et al., CIKM 2021, arXiv:2108.12184"

VSKNN = "Ludewig, Jannach, UMUAI 28, 2018, arXiv:1803.09587"
GRU4REC = "Hidasi, Karatzoglou, Baltrunas, Tikk, ICLR 2016, arXiv:1511.06939"
NARM = "Li, Ren, Chen, Ren, Ma, CIKM 2017, arXiv:1711.04725"
SRGNN = "Wu, Tang, Zhu, Wang, Xie, Tan, AAAI 2019, arXiv:1811.00855"
GCEGNN = "Wang et al., SIGIR 2020, arXiv:2106.05081"
SASREC = "Kang, McAuley, ICDM 2018, arXiv:1808.09781"
BERT4REC = "Sun et al., CIKM 2019, arXiv:1904.06690"
GSASREC = "Petrov, Macdonald, RecSys 2023, arXiv:2308.07192"
FULL = "SASRec's network, all items in the softmax: Klenitskiy, Vasilev, RecSys 2023, arXiv:2309.07602"
S3REC = "Zhou et al., CIKM 2020, arXiv:2008.07873"
TIGER = "Rajput et al., NeurIPS 2023, arXiv:2305.05065"
DUOREC = "Qiu, Huang, Yin, Wang, WSDM 2022, arXiv:2110.05730"


@dataclass(frozen=True)
class Published:
    """One row of a table: figures in the order of the set's metrics, None where there is none."""

    method: str
    figures: tuple[float | None, ...]
    source: str
    algorithm: str | None = None  # ours that it is the measure of
    unchecked: bool = False


PUBLISHED: dict[str, tuple[Published, ...]] = {
    "lightgcn-gowalla": (
        Published("popularity", (0.0416, 0.0317), POPULAR, "popular"),
        Published("MF-BPR", (0.1627, 0.1378), BPR),
        Published("MultVAE", (0.1641, 0.1335), MULTVAE),
        Published("SLIM", (0.1699, 0.1382), SLIM, "slim"),
        Published("EASE", (0.1765, 0.1467), EASE, "ease"),
        Published("RP3beta", (0.1829, 0.1520), RP3BETA, "rp3beta", unchecked=True),
        Published("LightGCN", (0.1830, 0.1554), LIGHTGCN),
        Published("GF-CF", (0.1849, 0.1518), GFCF, "gfcf"),
        Published("UltraGCN", (0.1862, 0.1580), ULTRAGCN),
        Published("SimpleX", (0.1872, 0.1557), SIMPLEX),
        Published("NESCL", (0.1917, 0.1617), NESCL),
        Published("BSPM-EM", (0.1920, 0.1597), BSPM, "bspm"),
    ),
    "ncf-ml-1m": (
        Published("popularity", (0.4533, 0.2542), POPULAR, "popular"),
        Published("BPR", (0.6305, 0.3730), BPR),
        Published("item kNN", (0.6694, 0.3979), KNN_ITEM, "itemknn"),
        Published("user kNN", (0.6768, 0.4100), KNN_USER, "userknn"),
        Published("NMF", (0.6844, 0.4192), NMF_RANK, "nmf"),
        Published("PureSVD", (0.6937, 0.4303), PURESVD, "puresvd"),
        Published("NeuMF, rerun", (0.7093, 0.4349), NEUMF),
        Published("NeuMF, its authors", (0.726, 0.445), NEUMF),
        Published("SLIM", (0.7162, 0.4468), SLIM, "slim"),
        Published("EASE", (0.7192, 0.4494), EASE, "ease"),
        Published("MF", (0.7294, 0.4523), MF, unchecked=True),
        Published("iALS (rank 192)", (0.7310, 0.4521), IALS, "als"),
    ),
    "session-diginetica": (
        Published("last-item kNN", (0.3575, 0.1157), "the nearest items of the last one", unchecked=True),
        Published("GRU4Rec", (0.2945, 0.0833), GRU4REC),
        Published("NARM", (0.4970, 0.1617), NARM, unchecked=True),
        Published("SR-GNN", (0.5073, 0.1759), SRGNN),
        Published("V-SKNN", (0.521, 0.183), VSKNN, "vsknn", unchecked=True),
        Published("GCE-GNN", (0.5422, 0.1904), GCEGNN, unchecked=True),
    ),
    "sasrec-ml-1m": (
        Published("popularity", (0.0369, 0.0180), POPULAR, "popular"),
        Published("first-order Markov chain", (0.2136, 0.1257), "the next items of the last one", "markov"),
        Published("SASRec, one negative", (0.2392, 0.1259), SASREC),
        Published("BERT4Rec", (0.2821, 0.1516), BERT4REC),
        Published("GRU4Rec, sampled softmax", (0.2811, 0.1648), GRU4REC),
        Published("gSASRec", (0.3003, 0.1726), GSASREC),
        Published("SASRec, full cross-entropy", (0.3152, 0.182), FULL, unchecked=True),
    ),
    "s3rec-beauty": (
        Published("popularity", (0.0115, None), POPULAR, "popular"),
        Published("GRU4Rec", (0.0283, 0.0137), GRU4REC),
        Published("BERT4Rec", (0.0347, 0.0170), BERT4REC),
        Published("SASRec", (0.0605, 0.0318), SASREC),
        Published("S3-Rec", (0.0647, 0.0327), S3REC),
        Published("TIGER", (0.0648, 0.0384), TIGER),
        Published("DuoRec", (0.0845, 0.0443), DUOREC),
        Published("SASRec, sampled softmax", (0.0921, 0.0531), SASREC),
    ),
    "lastfm-hetrec": (  # ndcg@10, then recall@10, which chooses the settings
        Published("BPR", (0.1674, 0.1761), BPR, "bpr"),
        Published("NGCF", (0.1898, 0.1960), NGCF),
        Published("LightGCN", (0.1972, 0.2064), LIGHTGCN),
        Published("SEPT", (0.2057, 0.2127), SEPT),
    ),
    "ml-100k": (
        Published("user average", (1.0437, 0.8362), "each user's mean rating"),
        Published("item average", (1.0246, 0.8154), "each item's mean rating"),
    ),
    "ml-100k/u1": (
        Published("user average", (1.063, 0.85019), "each user's mean rating"),
        Published("GC-MC", (0.910, None), GCMC),
        Published("IMC-GAE", (0.8967, None), IMCGAE),
        Published("GLocal-K", (0.8889, None), GLOCALK),
    ),
    "ml-100k/random": (
        Published("NMF", (0.963, 0.758), SURPRISE, "nmf"),
        Published("SlopeOne", (0.946, 0.743), f"Lemire, Maclachlan, SDM 2005; {SURPRISE}", "slopeone"),
        Published("baseline", (0.944, 0.748), SURPRISE, "baseline"),
        Published("SVD", (0.934, 0.737), SVD, "svd"),
        Published("KNNBaseline", (0.931, 0.733), KNN_BASELINE, "knnbaseline"),
        Published("SVD++", (0.919, 0.721), SVDPP, "svdpp"),
    ),
    "ml-1m": (
        Published("NMF", (0.916, 0.723), SURPRISE, "nmf"),
        Published("KNNBaseline", (0.895, 0.706), KNN_BASELINE, "knnbaseline"),
        Published("SVD", (0.873, 0.686), SVD, "svd"),
        Published("SVD++", (0.862, 0.672), SVDPP, "svdpp"),
    ),
    "frappe": (
        Published("LR", (0.9356, 0.3076), FRAPPE, "logistic"),
        Published("FM", (0.9671, 0.2065), f"Rendle, ICDM 2010; {FRAPPE}", "fm"),
        Published("FFM", (0.9786, 0.1860), f"Juan, Zhuang, Chin, Lin, RecSys 2016; {FRAPPE}", "ffm"),
        Published("DNN", (0.9833, 0.1622), FRAPPE),
        Published("Wide&Deep", (0.9841, 0.1490), f"Cheng et al., DLRS 2016; {FRAPPE}"),
        Published("DeepFM", (0.9842, 0.1482), f"Guo, Tang, Ye, Li, He, IJCAI 2017; {FRAPPE}"),
        Published("DCNv2", (0.9845, 0.1491), f"Wang et al., WWW 2021; {FRAPPE}"),
        Published("DESTINE", (0.9856, 0.1434), f"Xu et al., CIKM 2021; {FRAPPE}"),
        Published("FinalNet", (0.9857, 0.1311), f"Zhu et al., SIGIR 2023; {FRAPPE}"),
        Published("FinalMLP", (0.9861, 0.1484), f"Mao et al., AAAI 2023; {FRAPPE}"),
    ),
}
