import sys,torch,time
from pathlib import Path
from benchmarks.speed import nagan as n
torch.set_num_threads(1)
texts=n.Texts(Path('../shared/data'))
torch.manual_seed(7)
cap=torch.tensor([min(len(w),32) for w in texts.sentences])
S={"HMM":(torch.full((128,),20),501,20),"COCO":(cap[torch.randperm(len(cap))[:64]],4839,32)}
for name,(l,V,L) in S.items():
    b=n.random_batch(l,V,L)
    print(name,int(l.sum()),int(l.max()))
    o=n.Step(n.Bare(V,L),b); p=n.Step(n.BarePlain(V,L),b)
    wo,wp=n.work(o),n.work(p)
    print(wp.flops/1e9,wo.flops/1e9,wp.flops/wo.flops,wp.peak/1e6,wo.peak/1e6)
    p1=n.work(n.Step(n.BarePlain(V,L,at_one_hot=True),b)); print('onehot',p1.flops/wo.flops)
    def c(f):
        s=time.process_time(); f(); return time.process_time()-s
    print(c(p),c(o),c(p),c(o))
